-- Exports as files: jobs that an actor works through page by page. Files lie in <data>/exports, named by the job's id; the row says
-- whether one is there. These functions work above the schools, for the exporter after a start and for its sweeping.
--
-- exports_unfinished() -> table (establishment_id, id)
-- exports_expire() -> setof text       ids whose file's time is over; they say so from then on

alter table export_jobs add column if not exists bytes bigint, add column if not exists row_count bigint not null default 0,
    add column if not exists row_version bigint not null default 1;
create index stacgate_exports_newest on export_jobs (establishment_id, created_at desc, id desc);
create index stacgate_exports_expiry on export_jobs (expires_at) where file_path is not null;
create index stacgate_exports_open on export_jobs (created_at) where status in ('pending', 'processing');

-- A cell that a spreadsheet would take for a formula gets an apostrophe; plain numbers stay what they are.
create function csv_cell(t text) returns text language sql immutable parallel safe as $$
    select case when t is null then '' when t ~ '^-?[0-9]+([.][0-9]+)?$' then t
                else '"' || replace(case when t ~ '^[\s]*[=+@\t\r＝＋－＠-]' then '''' || t else t end, '"', '""') || '"' end
$$;
create function csv_line(j json) returns text language sql immutable parallel safe as $$
    select string_agg(csv_cell(value), ',') from json_each_text(j)
$$;
-- A page of rows as it stands in the file; between rows of JSON a comma, in front of the first one only when it is not the file's.
create function export_rows(p_type text, p_first boolean, p_rows json[]) returns text language sql immutable parallel safe as $$
    select case p_type when 'csv' then case when p_first then (select string_agg(csv_cell(k), ',' order by place) || E'\r\n'
                                                               from json_object_keys(p_rows[1]) with ordinality as h (k, place)) else '' end
                                       || string_agg(csv_line(j) || E'\r\n', '' order by n)
                       else case when p_first then '' else ',' end || string_agg(E'\n' || j::text, ',' order by n) end
    from unnest(p_rows) with ordinality as t (j, n)
$$;

create function export_json(e export_jobs) returns json language sql stable as $$
    select json_build_object('id', e.id, 'userId', e.user_id, 'type', e.type, 'status', case when e.status = 'completed' and e.expires_at
            <= now() at time zone 'utc' then 'expired' else e.status end, 'progress', coalesce(e.progress, 0), 'filename', e.filename,
        'fileSize', coalesce(e.bytes, e.file_size), 'rows', e.row_count, 'downloadUrl', case when e.status = 'completed' and
            e.expires_at > now() at time zone 'utc' then '/api/exports/' || e.id || '/download' end, 'config', coalesce(e.config, '{}'),
        'error', e.error, 'startedAt', iso8601(e.started_at), 'completedAt', iso8601(e.completed_at), 'expiresAt', iso8601(e.expires_at),
        'createdAt', iso8601(coalesce(e.created_at, 'epoch')), 'updatedAt', iso8601(coalesce(e.updated_at, e.created_at)))
$$;

grant select, update (file_path) on export_jobs to stacgate_definer;
create policy definer_all on export_jobs to stacgate_definer using (true) with check (true);

create function exports_unfinished() returns table (establishment_id text, id text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select e.establishment_id::text, e.id::text from export_jobs e where e.status in ('pending', 'processing') and e.type in ('csv', 'json')
    order by e.created_at limit 1000
$$;
create function exports_expire() returns setof text
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update export_jobs e set file_path = null where e.file_path is not null and e.expires_at <= now() at time zone 'utc' returning e.id::text
$$;
select stacgate_publish(f::regprocedure) from unnest(array['exports_unfinished()', 'exports_expire()']) as f;
