-- $1 tenant filter, $2 caller, $3 type, $4 config (datasets, dateRange, filters; checked). At most five of one person at a time.
with refusal as (
    select case when not exists (select from establishments where id = current_setting('stacgate.establishment_id')
                                 and id = coalesce($1, id)) then 'not_found'
                when (select count(*) from export_jobs e where e.user_id = $2 and e.status in ('pending', 'processing')) >= 5
                then 'exports_running'
                when ($4::jsonb #>> '{dateRange,start}')::timestamptz >= ($4::jsonb #>> '{dateRange,end}')::timestamptz
                     + case when length($4::jsonb #>> '{dateRange,end}') = 10 then interval '1 day' else interval '0' end
                then 'invalid config.dateRange order' end as word
), made as (
    insert into export_jobs (user_id, establishment_id, type, status, progress, filename, config, created_at, updated_at)
    select $2, current_setting('stacgate.establishment_id'), $3, 'pending', 0,
           'export-' || array_to_string(array(select jsonb_array_elements_text($4::jsonb -> 'datasets')), '-') || '-'
           || to_char(now() at time zone 'utc', 'YYYY-MM-DD') || '.' || $3, $4::jsonb, now() at time zone 'utc', now() at time zone 'utc'
    from refusal where word is null returning export_jobs as e
)
select word, 202, (select answer(export_json(e)) from made), (select (e).id from made) from refusal
