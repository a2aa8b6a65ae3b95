-- The list of the contracts that the tables follow. Later tables, columns and views are made from the contracts, not here.

create table acquisition.contracts (
    table_name text primary key,
    fingerprint text not null,
    applied_at timestamptz not null default now()
);
comment on table acquisition.contracts is 'One row per delivered table: the contract that it follows.';
comment on column acquisition.contracts.table_name is 'Table of this schema';
comment on column acquisition.contracts.fingerprint is 'Hash of the contract';
comment on column acquisition.contracts.applied_at is 'When the table was brought in line with the contract';
