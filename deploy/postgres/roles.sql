-- Creates the roles of docs/guide/least-privilege.md in a new database, as its superuser: PostgreSQL's
-- image runs this file once, when it creates the database. psql fills in the passwords.
\getenv deployer_password DEPLOYER_PASSWORD
\getenv shop_1_password SHOP_1_PASSWORD
\getenv shop_2_password SHOP_2_PASSWORD

-- Groups, without a login.
CREATE ROLE daybook_owner;
CREATE ROLE daybook_writer;
CREATE ROLE daybook_reader;
CREATE ROLE daybook_projector IN ROLE daybook_reader;
CREATE ROLE daybook_reactor;

-- The step that migrates.
CREATE ROLE deployer LOGIN PASSWORD :'deployer_password' IN ROLE daybook_owner, daybook_projector;

-- A login for each host: it appends, maintains read models after the log, and runs reactors and processes.
CREATE ROLE shop_1 LOGIN PASSWORD :'shop_1_password' IN ROLE daybook_writer, daybook_projector, daybook_reactor;
CREATE ROLE shop_2 LOGIN PASSWORD :'shop_2_password' IN ROLE daybook_writer, daybook_projector, daybook_reactor;

REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO daybook_owner, daybook_writer, daybook_reader;
GRANT CREATE ON DATABASE shop TO deployer;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA read_models AUTHORIZATION daybook_projector;
