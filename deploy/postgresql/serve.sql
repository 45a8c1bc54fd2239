-- Ce que peut la machine de réception (« serve », web.pages: false) dans la base : ajouter des webhooks, et lire ce qu'il faut
-- pour les vérifier. Ni les rendez-vous, ni les agents, ni les boîtes, ni les jetons, ni ce qu'elle a elle-même ajouté.
-- À lancer après chaque « migrate », « migrate --recover », « migrate-store » et pg_restore, sous le compte qui possède les
-- tables :
--     psql --single-transaction --set=role=rdv_serve --file=serve.sql "host=base.departement.example dbname=rdv user=rdv"
-- Un compte d'administration crée rdv_serve une fois : docs/fr/installation.md, « La base ».
\set ON_ERROR_STOP on

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"role";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM :"role";
GRANT USAGE ON SCHEMA public TO :"role";

-- La version du schéma ; le nom de l'installation et la clé des empreintes.
GRANT SELECT ON alembic_version, installation TO :"role";

-- Ajouter. Le numéro seul se lit : il dit combien de webhooks attendent.
GRANT INSERT ON inbox TO :"role";
GRANT SELECT (id) ON inbox TO :"role";
GRANT USAGE ON SEQUENCE inbox_id_seq TO :"role";

-- Les comptes des refus, la dernière fois que chaque source et chaque secret ont servi, les signes de vie : des nombres et
-- des dates. Qui prend cette machine peut les fausser ; il n'atteint par là aucun calendrier.
GRANT SELECT, INSERT, UPDATE ON tallies, figures, heartbeats TO :"role";

-- Ce qu'elle ajoute est lu par tous : une date qu'aucun programme ne sait lire, ou un texte sans fin, arrêterait les autres machines.
-- Un webhook sans portée serait jugé comme ceux d'une version d'avant les portées, sans limite aux suppressions.
ALTER TABLE inbox DROP CONSTRAINT IF EXISTS serve_readable, DROP CONSTRAINT IF EXISTS serve_scoped;
ALTER TABLE inbox
    ADD CONSTRAINT serve_readable CHECK (
        received_at BETWEEN '1970-01-01 00:00+00' AND '2200-01-01 00:00+00'
        AND octet_length(news) <= 1048576 AND octet_length(authority) <= 1048576 AND octet_length(digest) <= 64
    ),
    ADD CONSTRAINT serve_scoped CHECK (authority IS NOT NULL OR current_user <> :'role');
ALTER TABLE tallies DROP CONSTRAINT IF EXISTS serve_readable;
ALTER TABLE tallies ADD CONSTRAINT serve_readable CHECK (hour BETWEEN '1970-01-01 00:00+00' AND '2200-01-01 00:00+00');
ALTER TABLE figures DROP CONSTRAINT IF EXISTS serve_readable;
ALTER TABLE figures ADD CONSTRAINT serve_readable CHECK (taken_at BETWEEN '1970-01-01 00:00+00' AND '2200-01-01 00:00+00');
ALTER TABLE heartbeats DROP CONSTRAINT IF EXISTS serve_readable;
ALTER TABLE heartbeats ADD CONSTRAINT serve_readable CHECK (beat_at BETWEEN '1970-01-01 00:00+00' AND '2200-01-01 00:00+00');
