// Works on a calendar through ews-javascript-api, unmodified. One JSON object on standard input says where and as whom,
// and lists steps; a list of their answers goes to standard output. Run it in the folder that holds node_modules.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.cwd()}/`);
const ews = require("ews-javascript-api");

const actions = {
  // What the calendar shows between two moments.
  async list(service, { start, end }) {
    const view = new ews.CalendarView(ews.DateTime.Parse(start), ews.DateTime.Parse(end));
    const found = await service.FindAppointments(new ews.FolderId(ews.WellKnownFolderName.Calendar), view);
    return found.Items.map(shown);
  },

  async read(service, { id }) {
    const asked = new ews.PropertySet(ews.BasePropertySet.FirstClassProperties);
    asked.Add(ews.AppointmentSchema.StartTimeZone);
    asked.Add(ews.AppointmentSchema.MimeContent);
    const appointment = await ews.Appointment.Bind(service, new ews.ItemId(id), asked);
    return { ...shown(appointment), ...details(appointment) };
  },

  async create(service, { entry, rule }) {
    const appointment = new ews.Appointment(service);
    fill(appointment, entry);
    if (rule) appointment.Recurrence = weekly(appointment.Start, rule);
    await appointment.Save(ews.WellKnownFolderName.Calendar, ews.SendInvitationsMode.SendToNone);
    return { id: appointment.Id.UniqueId };
  },

  async update(service, { id, entry }) {
    const appointment = await ews.Appointment.Bind(service, new ews.ItemId(id));
    fill(appointment, entry);
    await appointment.Update(
      ews.ConflictResolutionMode.AlwaysOverwrite,
      ews.SendInvitationsOrCancellationsMode.SendToNone,
    );
    return { id: appointment.Id.UniqueId };
  },

  async delete(service, { id }) {
    const appointment = await ews.Appointment.Bind(service, new ews.ItemId(id));
    await appointment.Delete(ews.DeleteMode.MoveToDeletedItems, ews.SendCancellationsMode.SendToNone);
    return {};
  },
};

function shown(appointment) {
  return {
    id: appointment.Id.UniqueId,
    title: appointment.Subject,
    place: appointment.Location,
    start: appointment.Start.ToISOString(),
    end: appointment.End.ToISOString(),
    show_as: ews.LegacyFreeBusyStatus[appointment.LegacyFreeBusyStatus],
    kind: ews.AppointmentType[appointment.AppointmentType],
  };
}

function details(appointment) {
  const { Recurrence: recurrence } = appointment;
  return {
    body: appointment.Body.Text,
    zone: appointment.StartTimeZone.Id,
    sensitivity: ews.Sensitivity[appointment.Sensitivity],
    reminds: appointment.IsReminderSet,
    mime: Buffer.from(appointment.MimeContent.Content, "base64").toString("utf8"),
    recurrence: recurrence && {
      pattern: recurrence.constructor.name,
      interval: Number(recurrence.Interval),
      number: recurrence.NumberOfOccurrences,
      last_day: recurrence.EndDate && recurrence.EndDate.ToISOString().slice(0, 10),
    },
  };
}

function fill(appointment, { title, place, body, zone, start, end }) {
  if (title) appointment.Subject = title;
  if (place) appointment.Location = place;
  if (body) appointment.Body = new ews.MessageBody(ews.BodyType.Text, body);
  if (zone) appointment.StartTimeZone = ews.TimeZoneInfo.FindSystemTimeZoneById(zone);
  if (start) appointment.Start = ews.DateTime.Parse(start);
  if (end) appointment.End = ews.DateTime.Parse(end);
}

function weekly(start, { day, number }) {
  const pattern = new ews.Recurrence.WeeklyPattern(start, 1, [ews.DayOfTheWeek[day]]);
  pattern.NumberOfOccurrences = number;
  return pattern;
}

const { url, username, password, mailbox, steps } = JSON.parse(await text(process.stdin));
const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2016);
service.Url = new ews.Uri(url);
service.Credentials = new ews.WebCredentials(username, password);
service.ImpersonatedUserId = new ews.ImpersonatedUserId(ews.ConnectingIdType.SmtpAddress, mailbox);
const answers = [];
for (const { action, ...rest } of steps) answers.push(await actions[action](service, rest));
process.stdout.write(JSON.stringify(answers));
