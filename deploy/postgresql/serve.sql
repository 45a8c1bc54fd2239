-- Ce que peut la machine de réception (« serve », web.pages: false) dans la base : ajouter des webhooks, et lire ce qu'il faut
-- pour les vérifier. Ni les rendez-vous, ni les agents, ni les boîtes, ni les jetons, ni ce qu'elle a elle-même ajouté.
-- À lancer après chaque « migrate », sous le compte qui possède les tables :
--     psql --single-transaction --set=role=rdv_serve --dbname=rdv --file=serve.sql
-- Le compte se crée une fois :  CREATE ROLE rdv_serve LOGIN PASSWORD '...'
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
