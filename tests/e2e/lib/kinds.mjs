// One maker for each kind of thing that an id can name (`x-id` of the interface's document): SQL that makes things of the given ids in a
// school. A kind without a maker fails the generated tests, with this file's name in the message.
import { randomUUID } from 'node:crypto'
import { lit } from './server.mjs'

export const uuids = (n) => Array.from({ length: n }, () => randomUUID())
const texts = (list) => `array[${list.map(lit).join(',')}]::text[]`
const each = (ids) => `unnest(${texts(ids)}) with ordinality as x(id, n)`
const poll = lit(JSON.stringify({ question: 'Q', options: [{ id: 'a', text: 'A' }, { id: 'b', text: 'B' }] }))
const questions = lit(JSON.stringify([{ id: 'q1', type: 'true-false', text: 'T', answer: true, points: 1 }]))

// s: the school (School below). Its learner owns what learners own, its teacher what teachers make.
export const makers = {
  user: (s, ids) => `
    insert into users (id, establishment_id, email, username, password, first_name, last_name, role, created_at)
    select id, ${s.id}, 'u-' || id || '@gen.test', 'u-' || id, 'x', 'Une', 'Personne', 'apprenant', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into user_courses (user_id, course_id, establishment_id, status, enrolled_at)
    select id, ${s.course}, ${s.id}, 'enrolled', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into study_group_members (study_group_id, user_id, establishment_id, role, joined_at)
    select ${s.group}, id, ${s.id}, 'member', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into assessment_accommodations (assessment_id, user_id, establishment_id, at)
    select ${s.assessment}, id, ${s.id}, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into user_permissions (user_id, permission_id, granted, establishment_id) select x.id, p.id, true, ${s.id} from ${each(ids)} join permissions p on p.name = 'courses:create';`,
  course: (s, ids) => `
    insert into courses (id, establishment_id, title, description, category, instructor_id, is_public, is_active, rating, created_at)
    select id, ${s.id}, 'Cours ' || lpad(n::text, 4, '0'), 'D', 'K', ${s.formateur}, true, true, n % 7 / 2.0, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  enrollment: (s, ids) => `
    insert into courses (id, establishment_id, title, description, category, instructor_id, is_active, created_at)
    select 'e-' || id, ${s.id}, 'Suivi', 'D', 'K', ${s.formateur}, true, now() at time zone 'utc' from ${each(ids)};
    insert into user_courses (id, user_id, course_id, establishment_id, status, enrolled_at)
    select id, ${s.apprenant}, 'e-' || id, ${s.id}, 'enrolled', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  module: (s, ids) => `
    insert into course_modules (id, course_id, establishment_id, title, order_index)
    select id, ${s.course}, ${s.id}, 'Module', n / 5 from ${each(ids)};`,
  training_session: (s, ids) => `
    insert into training_sessions (id, course_id, establishment_id, name, status, start_date, created_at)
    select id, ${s.course}, ${s.id}, 'Session', 'draft', timestamp '2031-01-01' + (n / 5) * interval '1 min', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  trainer_space: (s, ids) => `
    insert into trainer_spaces (id, establishment_id, trainer_id, name, is_active, created_at)
    select id, ${s.id}, ${s.formateur}, 'Espace', true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  assessment: (s, ids) => `
    insert into assessments (id, establishment_id, course_id, title, assessment_type, status, created_by, is_public, questions, version, created_at)
    select id, ${s.id}, ${s.course}, 'Évaluation', 'quiz', 'approved', ${s.formateur}, true, ${questions}, 1, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into assessment_versions (assessment_id, version, establishment_id, questions) select id, 1, ${s.id}, ${questions} from ${each(ids)}
    on conflict do nothing;`,
  attempt: (s, ids) => `
    insert into assessment_attempts (id, assessment_id, user_id, establishment_id, status, version, answers, max_score, started_at, created_at)
    select id, ${s.assessment}, ${s.apprenant}, ${s.id}, 'in_progress', 1, '{}', 1, now() at time zone 'utc' - (n / 5) * interval '1 min', now() at time zone 'utc' from ${each(ids)};`,
  certificate: (s, ids) => `
    insert into certificates (id, user_id, course_id, establishment_id, certificate_number, verification_code, title, is_valid, issue_date)
    select id, ${s.apprenant}, ${s.course}, ${s.id}, 'N-' || id, 'V-' || id, 'Certificat', true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  group: (s, ids) => `
    insert into study_groups (id, establishment_id, created_by, name, max_members, current_members, is_public, created_at)
    select id, ${s.id}, ${s.apprenant}, 'Groupe ' || n, 50, 1, true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};
    insert into study_group_members (study_group_id, user_id, establishment_id, role) select id, ${s.apprenant}, ${s.id}, 'admin' from ${each(ids)};`,
  room: (s, ids) => `
    insert into study_groups (id, establishment_id, created_by, name, max_members, current_members, is_public, room_of, created_at)
    select id, ${s.id}, ${s.apprenant}, 'Salle ' || n, 50, 0, false, ${s.group}, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  message: (s, ids) => `
    insert into study_group_messages (id, study_group_id, sender_id, establishment_id, type, content, metadata, seq, created_at)
    select id, ${s.group}, ${s.apprenant}, ${s.id}, 'poll', 'Q', ${poll}, n + coalesce((select max(seq) from study_group_messages where study_group_id = ${s.group}), 0),
           now() at time zone 'utc' from ${each(ids)};`,
  class: (s, ids) => `
    insert into study_sessions (id, study_group_id, host_id, establishment_id, title, start_time, end_time, status)
    select id, ${s.group}, ${s.apprenant}, ${s.id}, 'Séance', timestamp '2031-01-01' + (n / 5) * interval '1 min', timestamp '2031-01-02' + (n / 5) * interval '1 min', 'scheduled' from ${each(ids)};`,
  whiteboard: (s, ids) => `
    insert into whiteboards (id, study_group_id, created_by, establishment_id, title, data, created_at)
    select id, ${s.group}, ${s.apprenant}, ${s.id}, 'Tableau', '{"elements":[]}', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  notification: (s, ids) => `
    insert into notifications (id, user_id, establishment_id, type, title, message, created_at)
    select id, ${s.apprenant}, ${s.id}, 'system_update', 'T', 'M', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  help: (s, ids) => `
    insert into help_contents (id, establishment_id, title, content, category, role, language, sort_order, created_at, updated_at)
    select id, ${s.id}, 'Aide ' || n, 'C', 'K', 'all', 'fr', n / 5, now() at time zone 'utc' - (n / 5) * interval '1 min', now() at time zone 'utc' from ${each(ids)};`,
  export: (s, ids) => `
    insert into export_jobs (id, user_id, establishment_id, type, status, filename, config, created_at)
    select id, ${s.formateur}, ${s.id}, 'csv', 'failed', 'f.csv', '{}', now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  theme: (s, ids) => `
    insert into themes (id, establishment_id, name, is_active, created_at)
    select id, ${s.id}, 'Thème', false, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  content: (s, ids) => `
    insert into customizable_contents (id, establishment_id, block_key, block_type, content, is_active, created_at)
    select id, ${s.id}, 'k' || id, 'text', 'C', true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  page: (s, ids) => `
    insert into customizable_pages (id, establishment_id, page_name, page_title, layout, is_active, created_at)
    select id, ${s.id}, 'p' || id, 'P', '{}', true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  section: (s, ids) => `
    insert into page_sections (id, page_id, establishment_id, section_type, section_order, components)
    select id, ${s.page}, ${s.id}, 's', n / 5, '[]' from ${each(ids)};`,
  component: (s, ids) => `
    insert into page_components (id, establishment_id, component_name, component_type, component_data, is_active, created_at)
    select id, ${s.id}, 'C', 't', '{}', true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  menu_item: (s, ids) => `
    insert into menu_items (id, establishment_id, label, url, sort_order, is_active, created_at)
    select id, ${s.id}, 'M', '/', n / 5, true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
  version: (s, ids) => `
    insert into system_versions (id, version, title, description, changelog_markdown, release_date, created_by)
    select id, '0.' || id, 'V', 'D', '', now() at time zone 'utc' - (n / 5) * interval '1 min', ${s.admin} from ${each(ids)};`,
  token: (s, ids) => `
    insert into api_tokens (id, user_id, name, token_hash, prefix, scopes, expires_at)
    select id, ${s.apprenant}, 'J', 'h-' || id, 'sgt_', '{read}', now() at time zone 'utc' + interval '1 day' from ${each(ids)};`,
  sign_in: (s, ids) => `
    insert into sessions (sid, sess, expire)
    select id, jsonb_build_object('userId', ${s.apprenant}, 'establishmentId', ${s.id}, 'createdAt', now(), 'absoluteExpire', now() + interval '1 day'),
           now() at time zone 'utc' + interval '1 day' from ${each(ids)};`,
  establishment: (s, ids) => `
    insert into establishments (id, name, slug, is_active, created_at)
    select id, 'École ' || n, 'e-' || id, true, now() at time zone 'utc' - (n / 5) * interval '1 min' from ${each(ids)};`,
}

// What belongs to the installation, so that nobody's is another school's.
export const EVERYBODYS = ['version']

// How a thing has to stand that this may be done to it.
export const STANDS = {
  assessments_submit: (id) => `update assessments set status = 'draft' where id = ${id}`,
  assessments_approve: (id) => `update assessments set status = 'pending_approval' where id = ${id}`,
  assessments_reject: (id) => `update assessments set status = 'pending_approval' where id = ${id}`,
  attempts_grade: (id) => `update assessment_attempts set status = 'submitted', results = '[{"questionId":"q1","points":null,"maxPoints":1,"correct":null}]' where id = ${id}`,
  courses_approve: (id) => `update courses set is_active = false where id = ${id}`,
  spaces_approve: (id) => `update trainer_spaces set is_active = false where id = ${id}`,
}
