-- Approval is another person's: of whoever wrote or changed what is approved. An attempt's ids say nothing of the answer, and it is judged by
-- the pass mark that it was begun with.

-- Beside created_by: who changed it since it was last approved.
alter table assessments add column if not exists writers text[] not null default '{}';

-- assessment_work_of(assessment, person) -> boolean         whether some of what would be approved is theirs
create function assessment_work_of(a assessments, p_user text) returns boolean language sql immutable parallel safe as $$
    select coalesce(a.created_by = p_user, false) or p_user = any (a.writers)
$$;

-- The ids of what is put in order or matched are an attempt's own, made with its seed: authors tend to give them in the order of the answer.
-- null: attempts from before, with their author's ids.
alter table assessment_attempts add column if not exists seed text;
create function question_part_id(kind text, question jsonb, id text, seed text) returns text language sql immutable parallel safe as $$
    select substr(md5(concat_ws(' ', seed, kind, question ->> 'id', id)), 1, 12)
$$;
create function question_parts_hidden(kind text, parts jsonb, question jsonb, seed text) returns jsonb language sql immutable parallel safe as $$
    select coalesce(jsonb_agg(o || jsonb_build_object('id', question_part_id(kind, question, o ->> 'id', seed)) order by n), '[]')
    from jsonb_array_elements(parts) with ordinality as t (o, n)
$$;
create function question_ids_hidden(x jsonb, seed text) returns jsonb language sql immutable parallel safe as $$
    select case x ->> 'type'
        when 'ordering' then x || jsonb_build_object('options', question_parts_hidden('option', x -> 'options', x, seed), 'answer', (
            select jsonb_agg(question_part_id('option', x, id, seed) order by n) from jsonb_array_elements_text(x -> 'answer') with ordinality as t (id, n)))
        when 'matching' then x || jsonb_build_object('options', question_parts_hidden('option', x -> 'options', x, seed),
            'matches', question_parts_hidden('match', x -> 'matches', x, seed), 'answer', (
            select jsonb_object_agg(question_part_id('option', x, key, seed), question_part_id('match', x, value, seed)) from jsonb_each_text(x -> 'answer')))
        else x end
$$;

-- The questions that an attempt was begun with.
create or replace function attempt_questions(a assessment_attempts) returns jsonb language sql stable as $$
    select case when a.seed is null or jsonb_typeof(q) <> 'array' then q
                else coalesce((select jsonb_agg(question_ids_hidden(x, a.seed) order by n) from jsonb_array_elements(q) with ordinality as t (x, n)), '[]') end
    from (select coalesce((select v.questions from assessment_versions v where v.assessment_id = a.assessment_id and v.version = a.version),
                          (select q.questions from assessments q where q.id = a.assessment_id), '[]') as q) asked
$$;

-- attempt_passed(attempt) -> boolean       by the pass mark of the version that it was begun with; null: it is not graded
alter table assessment_versions add column passing_score integer;
create function attempt_passed(t assessment_attempts) returns boolean language sql stable as $$
    select case when t.status = 'graded' then coalesce(t.score, 0) >= coalesce(
        (select v.passing_score from assessment_versions v where v.assessment_id = t.assessment_id and v.version = t.version),
        (select a.passing_score from assessments a where a.id = t.assessment_id), 60) end
$$;
