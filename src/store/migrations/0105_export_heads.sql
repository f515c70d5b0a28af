-- The head of a data set in CSV comes with its first page, and not with its first row: a file without rows has it too.
--
-- export_rows(type, head, first, rows) -> text      head: an object that has the columns' names where the data set begins, else null; first:
--                                                   the file has no row of it yet

drop function export_rows(text, boolean, json[]);
create function export_rows(p_type text, p_head json, p_first boolean, p_rows json[]) returns text language sql immutable parallel safe as $$
    select case p_type when 'csv' then coalesce((select string_agg(csv_cell(k), ',' order by place) || E'\r\n'
                                                 from json_object_keys(p_head) with ordinality as h (k, place)), '')
                                       || coalesce(string_agg(csv_line(j) || E'\r\n', '' order by n), '')
                       else case when p_first then '' else ',' end || string_agg(E'\n' || j::text, ',' order by n) end
    from unnest(p_rows) with ordinality as t (j, n)
$$;
