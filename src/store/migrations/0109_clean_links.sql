-- Addresses that an adopted database has where people follow them go through the cleaner too: a meeting at `javascript:` is none (0107).

insert into html_passes (name, columns) values
    ('courses', array['video_trailer_url', 'image_url', 'thumbnail_url']), ('course_modules', array['content_url']),
    ('training_sessions', array['meeting_url']), ('study_groups', array['meeting_url']), ('shared_files', array['file_url']),
    ('users', array['profile_image_url']);
do $$
declare
    p record;
begin
    for p in select name, (select string_agg(quote_ident(c), ', ') from unnest(columns) c) as columns from html_passes
             where name in ('courses', 'course_modules', 'training_sessions', 'study_groups', 'shared_files', 'users') loop
        if exists (select from pg_policy where polrelid = p.name::regclass and polname = 'definer') then
            execute format('grant update (%s) on %I to stacgate_definer', p.columns, p.name);
        else
            perform stacgate_definer_reads(p.name::regclass, format('select, update (%s)', p.columns));
        end if;
    end loop;
end $$;
