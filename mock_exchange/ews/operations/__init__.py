"""One function for each verb: a context in, response messages out."""

from collections.abc import Callable, Mapping

from mock_exchange.ews.operations import configuration, directory, find, folder_changes, folders, ids, items
from mock_exchange.ews.operations.context import Context
from mock_exchange.xml.elements import Element

VERBS: Mapping[str, Callable[[Context], list[Element]]] = {
    "ConvertId": ids.convert_id,
    "CopyItem": items.copy_item,
    "CreateFolder": folder_changes.create_folder,
    "CreateItem": items.create_item,
    "DeleteFolder": folder_changes.delete_folder,
    "DeleteItem": items.delete_item,
    "FindFolder": folders.find_folder,
    "FindItem": find.find_item,
    "GetFolder": folders.get_folder,
    "GetItem": items.get_item,
    "GetServerTimeZones": directory.get_server_time_zones,
    "GetUserConfiguration": configuration.get_user_configuration,
    "MoveItem": items.move_item,
    "ResolveNames": directory.resolve_names,
    "UpdateItem": items.update_item,
}
"""Every verb this server speaks."""
