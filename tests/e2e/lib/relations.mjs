// What somebody is to a thing of their own school, and what every operation on it then answers. One rule: what one may do is done; what one may
// know of and not do is 403, what one may not know of is 404. Who lacks the permission that an operation names gets 403 whatever it is about.
//
// A family is a set of kinds that stand or fall together, in each of its states: who may know of it there (`known`, letters of `people`, "*":
// everybody), and who may do what (`may`: an operation's letters, of those who know; or by state). `things` makes, for each of the ids, one of
// every kind with that id, so that each question has things of its own. An operation on one of the kinds that is in no `may` and has no
// permission fails the test; whoever lacks an operation's permission is generated-roles' other tests'.
import { lit } from './server.mjs'
import { makers } from './kinds.mjs'

const rows = (ids) => `unnest(array[${ids.map(lit).join(',')}]::text[]) as x(id)`
const POLL = lit(JSON.stringify({ question: 'Q', options: [{ id: 'a', text: 'A' }, { id: 'b', text: 'B' }] }))
const QUESTIONS = lit(JSON.stringify([{ id: 'q1', type: 'true-false', text: 'T', answer: true, points: 1 }]))
const words = (table) => Object.fromEntries(Object.entries(table).flatMap(([who, names]) => names.trim().split(/\s+/).map((name) => [name, who])))
const but = (who, states) => ({ ...Object.fromEntries(Object.entries(states)), otherwise: who })

const enrolled = (s, ids, list) => list.map(([p, status]) => `insert into user_courses (user_id, course_id, establishment_id, status, enrolled_at)
  select ${p}, id, ${s.id}, ${lit(status)}, now() at time zone 'utc' from ${rows(ids)};`).join('\n')
const course = (s, ids, instructor, active) => `insert into courses (id, establishment_id, title, description, category, instructor_id, is_public, is_active, created_at)
  select id, ${s.id}, 'C', 'D', 'K', ${instructor}, true, ${active}, now() at time zone 'utc' from ${rows(ids)};`

// The group, its boards, classes, polls: `place`s of it.
function groups(s, ids, p, state) {
  const member = (who, role, active = true) => `insert into study_group_members (study_group_id, user_id, establishment_id, role, is_active)
    select id, ${who}, ${s.id}, ${lit(role)}, ${active} from ${rows(ids)};`
  return `insert into study_groups (id, establishment_id, created_by, name, max_members, current_members, is_public, room_of, created_at)
    select id, ${s.id}, ${p.A}, 'G', 50, 3, ${state === 'public'}, ${state === 'room' ? s.group : 'null'}, now() at time zone 'utc' from ${rows(ids)};
    ${member(p.A, 'admin')} ${member(p.M, 'moderator')} ${member(p.m, 'member')} ${member(p.l, 'member', false)}
    insert into study_group_invitations (study_group_id, user_id, establishment_id) select id, ${p.i}, ${s.id} from ${rows(ids)};
    insert into study_group_messages (id, study_group_id, sender_id, establishment_id, type, content, metadata, seq, created_at)
    select id, id, ${p.A}, ${s.id}, 'poll', 'Q', ${POLL}, 1, now() at time zone 'utc' from ${rows(ids)};
    insert into study_sessions (id, study_group_id, host_id, establishment_id, title, start_time, end_time, status)
    select id, id, ${p.A}, ${s.id}, 'S', '2031-01-01', '2031-01-02', 'scheduled' from ${rows(ids)};
    insert into whiteboards (id, study_group_id, created_by, establishment_id, title, data, created_at)
    select id, id, ${p.A}, ${s.id}, 'T', '{"elements": []}', now() at time zone 'utc' from ${rows(ids)};`
}

function courses(s, ids, p, state) {
  return `${course(s, ids, p.t, state !== 'closed')} ${enrolled(s, ids, [[p.e, 'enrolled'], [p.d, 'dropped']])}
    insert into course_modules (id, course_id, establishment_id, title, order_index, is_active) select id, id, ${s.id}, 'M', 1, ${state !== 'hidden'} from ${rows(ids)};
    insert into training_sessions (id, course_id, establishment_id, name, status, start_date, created_at)
    select id, id, ${s.id}, 'S', ${lit(state === 'hidden' ? 'draft' : 'approved')}, '2031-01-01', now() at time zone 'utc' from ${rows(ids)};
    insert into certificates (id, user_id, course_id, establishment_id, certificate_number, verification_code, title, is_valid, issue_date)
    select id, ${p.d}, id, ${s.id}, 'N-' || id, 'V-' || id, 'Certificat', true, now() at time zone 'utc' from ${rows(ids)};`
}

function assessments(s, ids, p, state) {
  return `${course(s, ids, p.t, state !== 'closed')} ${enrolled(s, ids, [[p.e, 'enrolled']])}
    insert into assessments (id, establishment_id, course_id, title, assessment_type, status, created_by, is_public, questions, version, created_at)
    select id, ${s.id}, id, 'E', 'quiz', ${lit(state === 'draft' ? 'draft' : 'approved')}, ${p.w}, ${state !== 'private'}, ${QUESTIONS}, 1, now() at time zone 'utc' from ${rows(ids)};
    insert into assessment_versions (assessment_id, version, establishment_id, questions) select id, 1, ${s.id}, ${QUESTIONS} from ${rows(ids)} on conflict do nothing;
    ${state === 'draft' ? '' : `insert into assessment_attempts (id, assessment_id, user_id, establishment_id, status, version, answers, results, max_score, started_at, created_at)
    select id, id, ${p.k}, ${s.id}, 'submitted', 1, '{}', '[{"questionId":"q1","points":null,"maxPoints":1,"correct":null}]', 1, now() at time zone 'utc', now() at time zone 'utc' from ${rows(ids)};`}`
}

// One person, whom others know from a group or from a course, or do not know.
function people(s, ids, p) {
  return ids.length === 0 ? '' : `${courses(s, [ids[0]], { t: p.i, e: p.s, d: p.n }, 'open')} ${enrolled(s, [ids[0]], [[p.c, 'enrolled']])}
    ${groups(s, [ids[0]], { A: p.s, M: p.g, m: p.i, l: p.n, i: p.n }, 'public').replace(/insert into study_group_invitations[^;]*;/, '')}`
}

// What is one person's own.
function owns(s, ids, p) {
  const own = Object.assign(Object.create(s), { apprenant: p.o, formateur: p.o })
  return ['notification', 'token', 'sign_in', 'export'].map((kind) => makers[kind](own, ids)).join('\n')
}

// What a school does not show, or does.
const SHOWN = { theme: 'themes', content: 'customizable_contents', page: 'customizable_pages', section: 'page_sections', component: 'page_components', menu_item: 'menu_items', help: 'help_contents' }
function portal(s, ids, p, state) {
  const list = ids.map(lit).join(',')
  return `${makers.page(s, ids)} ${Object.keys(SHOWN).filter((kind) => kind !== 'page').map((kind) => makers[kind](s, ids)).join('\n')}
    update page_sections set page_id = id where id in (${list});
    ${Object.values(SHOWN).map((table) => `update ${table} set is_active = ${state === 'shown' ? 'true' : table === 'page_sections'} where id in (${list});`).join('\n')}`
}

export const FAMILIES = [
  {
    kinds: ['group', 'message', 'class', 'whiteboard'],
    things: groups,
    people: { A: 'apprenant', M: 'apprenant', m: 'apprenant', l: 'apprenant', i: 'apprenant', o: 'apprenant' }, // admin, moderator, member, who left, who is invited, others
    known: { public: '*', private: 'AMmi', room: 'AMmi' },
    rooms: ['group', 'class', 'whiteboard'],
    may: {
      ...words({
        '*': 'groups_get',
        AMm: `groups_members groups_rooms messages_list messages_create polls_get polls_vote classes_list classes_get classes_attendance classes_polls
          boards_list boards_create boards_get boards_export collaboration_room`,
        AM: 'polls_close classes_update classes_cancel boards_rename boards_delete',
      }),
      // A breakout room is its class's: nobody changes it.
      groups_update: but('A', { room: '' }),
      groups_archive: but('A', { room: '' }),
      groups_invite: but('AM', { room: '' }),
      groups_role: but('AM', { room: '' }),
      groups_remove: but('AM', { room: '' }),
      classes_create: but('AM', { room: '' }),
      groups_join: but('AMmi', { public: '*', room: 'AMm' }),
    },
    // A private group says so to who asks to join it (api.md).
    says403: ['groups_join'],
  },
  {
    kinds: ['course', 'module', 'training_session', 'certificate'],
    things: courses,
    // instructor, another teacher, one who approves, enrolled, who left (and has its certificate), others
    people: { t: 'formateur', T: 'formateur', v: 'formateur', e: 'apprenant', d: 'apprenant', n: 'apprenant' },
    grants: { v: 'courses:approve' },
    known: { open: '*', closed: 'tve', hidden: 'tv', certificate: 'td' },
    without: { hidden: ['course', 'certificate'] }, // it is the module and the session that are
    rooms: ['course'],
    may: {
      ...words({
        '*': 'courses_get courses_enroll modules_list modules_get training_list training_get certificates_get',
        t: `courses_update modules_create modules_order modules_update modules_delete training_create training_update training_delete training_move
          enrollments_list enrollments_batch enrollments_complete`,
        te: 'analytics_course_progress collaboration_room',
        e: 'modules_progress',
      }),
    },
  },
  {
    kinds: ['assessment', 'attempt'],
    things: assessments,
    // author, instructor of its course, another teacher, one who approves, enrolled, others, who took it
    people: { w: 'formateur', t: 'formateur', T: 'formateur', v: 'formateur', e: 'apprenant', n: 'apprenant', k: 'apprenant' },
    grants: { v: 'assessments:approve' },
    known: { open: '*', closed: 'wtvek', private: 'wtvek', draft: 'wtv', attempt: 'wtk' },
    without: { draft: ['attempt'] },
    rooms: ['assessment'],
    may: {
      ...words({
        '*': 'assessments_results attempts_of attempts_get',
        wt: 'assessments_update assessments_accommodate assessments_accommodations attempts_grade collaboration_room',
        w: 'assessments_delete assessments_submit',
        k: 'attempts_save attempts_submit',
      }),
      assessments_get: but('*', { closed: 'wtve', private: 'wtve' }),
      attempts_start: but('*', { closed: 'we', private: 'we' }),
      attempts_start_old: but('*', { closed: 'we', private: 'we' }),
    },
  },
  {
    kinds: ['user'],
    things: people,
    people: { s: 'apprenant', g: 'apprenant', c: 'apprenant', i: 'formateur', n: 'apprenant', T: 'formateur' }, // themselves, of a group, of a course, its teacher, others
    known: { there: 'sgci' },
    of: (p) => p.s, // the thing is a person
    may: words({ '*': 'users_get', s: 'users_update grants_list analytics_user_stats' }),
  },
  {
    kinds: ['notification', 'token', 'sign_in', 'export'],
    things: owns,
    people: { o: 'formateur', n: 'apprenant', T: 'formateur', S: 'manager' },
    known: { there: 'o', export: 'oS' },
    may: words({ o: 'notifications_read notifications_delete tokens_revoke sign_ins_end exports_download exports_download_old', oS: 'exports_get exports_delete' }),
  },
  {
    kinds: Object.keys(SHOWN),
    things: portal,
    people: { n: 'apprenant', T: 'formateur', S: 'manager' },
    known: { shown: '*', hidden: 'S' },
    may: words({ '*': 'themes_get contents_get pages_get sections_list sections_get components_get menu_get help_get' }),
  },
]
// About something by their query.
export const BY_QUERY = { analytics_course_progress: 'courseId', analytics_user_stats: 'userId' }
// Kinds that everybody of the school may know of, or that only a permission opens.
export const OPEN_KINDS = ['establishment', 'version', 'trainer_space', 'room', 'enrollment']

const of = (who, people) => (who === '*' ? Object.keys(people) : [...who])
const pick = (table, ...keys) => (typeof table === 'string' ? table : (keys.map((k) => table[k]).find((v) => v !== undefined) ?? table.otherwise))

// 403, 404, or null: it is done.
export function answerOf(family, o, kind, state, letter) {
  const know = of(family.known[kind] ?? pick(family.known[state], kind), family.people).includes(letter)
  if (!know) return family.says403?.includes(o.name) ? 403 : 404
  const may = family.may[o.name]
  return may === undefined || of(pick(may, state), family.people).includes(letter) ? null : 403
}
