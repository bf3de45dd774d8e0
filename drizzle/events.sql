-- The outbox of facts, owned by the jobs role. Every statement may run again.
create table if not exists events.outbox (
  event_id uuid primary key,
  name text not null,
  event jsonb not null
);
create table if not exists events.subscriptions (
  fact text not null,
  queue text not null,
  primary key (fact, queue)
);
-- Wakes the relay on commit. Statement-level: a transaction that announces ten facts wakes it once. A statement that
-- could have announced something and did not wakes nobody: notifications make commits wait for each other.
create or replace function events.wake_relay() returns trigger language plpgsql as $$
begin
  if exists (select from announced) then perform pg_notify('outbox', ''); end if;
  return null;
end $$;
create or replace trigger wake_relay after insert on events.outbox
  referencing new table as announced
  for each statement execute function events.wake_relay();
