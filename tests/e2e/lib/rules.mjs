// Who may, where no permission says it: a(pprenant, whose the group, the attempt, the certificate and the notification are), f(ormateur,
// whose the course, the assessment and the export are), m(anager), A(dmin), S(uper_admin).
const RULES = {
  afmAS: `auth_logout tokens_create socket_token auth_change_password auth_send_verification sign_ins_end_others courses_enroll attempts_start
    attempts_start_old groups_join notifications_prefer notifications_read_all certificates_get analytics_user_stats`,
  fmAS: `courses_update assessments_update assessments_delete assessments_submit assessments_accommodate assessments_accommodations attempts_grade exports_get exports_delete modules_create
    modules_order modules_update modules_delete enrollments_list enrollments_batch enrollments_complete training_create training_get training_update
    training_delete training_move`,
  mAS: `users_update themes_get schools_list_old`,
  AS: `grants_list`,
  amAS: `groups_update groups_archive groups_invite groups_role groups_remove groups_members messages_list messages_create polls_get polls_close classes_list
    classes_create classes_get classes_update classes_cancel classes_attendance classes_polls groups_rooms boards_list boards_create boards_get boards_rename
    boards_delete boards_export`,
  fmA: `exports_create_old`, // no school can be named there
  a: `tokens_revoke sign_ins_end attempts_save attempts_submit notifications_read notifications_delete modules_progress polls_vote`,
  f: `exports_download exports_download_old`,
  S: `roles_set`, // for the whole installation
}
// What everybody of the school may read, and what anybody may at all: a row that loses its permission is in neither.
export const READ_BY_ALL = `auth_user tokens_list sign_ins_list permissions_mine_old assessments_list assessments_get assessments_results attempts_mine
  attempts_mine_old attempts_of attempts_get users_get groups_list groups_get notifications_list notifications_unread
  notifications_preferences help_list help_search help_suggest help_faq help_get help_search_old manual manual_search exports_list exports_history
  exports_list_old analytics_popular analytics_popular_old analytics_course_progress modules_list modules_get enrollments_mine
  training_list spaces_list certificates_list themes_list themes_list_old contents_list contents_list_old contents_get pages_list pages_list_old pages_get
  page_get_old sections_list sections_get components_list components_list_old components_get menu_list menu_list_old menu_get branding_get
  collaboration_room versions_list versions_active version_active_old system_status_old`.split(/\s+/)
export const ANYBODYS = `auth_login auth_leave_old auth_register auth_forgot auth_reset auth_verify_email establishments_list establishments_get
  establishments_by_slug courses_list courses_get certificates_verify portal portal_page school_content_old placeholder_old system_openapi system_docs
  system_health maintenance_get`.split(/\s+/)

const LETTERS = { apprenant: 'a', formateur: 'f', manager: 'm', admin: 'A', super_admin: 'S' }
export const ruleOf = Object.fromEntries(Object.entries(RULES).flatMap(([who, names]) => names.split(/\s+/).map((name) => [name, who])))

// Who may know of a thing of theirs in these schools, where not everybody may (relations.mjs has the rule, and the rest): they get 403 where
// others get 404.
const KNOWN = { attempt: 'afmAS', export: 'fmAS', training_session: 'fmAS', theme: 'mAS', notification: 'a', token: 'a', sign_in: 'a' }
// In no school there is nothing to export.
const NOWHERE = ['exports_create_old']
export function refusalOf(o, role) {
  return NOWHERE.includes(o.name) || !(KNOWN[o.subject] ?? 'afmAS').includes(LETTERS[role]) ? 404 : 403
}
// What staff know of by nothing but that permission.
export const STAFFS = ['attempt', 'export']
// By which permission staff may what is not theirs, where the document names none.
const STAFF = {
  'courses:manage': `courses_update modules_create modules_order modules_update modules_delete enrollments_list enrollments_batch enrollments_complete training_create
    training_update training_delete training_move`,
  'assessments:manage': `assessments_update assessments_delete assessments_submit assessments_accommodate assessments_accommodations attempts_grade`,
  'exports:manage': `exports_get exports_delete`,
  'users:update': `users_update`,
  'permissions:manage': `grants_list`,
  'study_groups:manage': RULES.amAS,
}
// By being admin or manager; what waits for approval is also read by who approves.
export const BY_ROLE = ['themes_get', 'schools_list_old', 'training_get']
export const staffBy = Object.fromEntries(Object.entries(STAFF).flatMap(([permission, names]) => names.split(/\s+/).map((name) => [name, permission])))

export function mayBy(w, o, role) {
  if (ruleOf[o.name]) return ruleOf[o.name].includes(LETTERS[role])
  return !o.permission || w.rights[role].includes(o.permission)
}

// Somebody of the first school who may, so that what is refused is refused for what was asked.
export function whoMay(w, o) {
  const role = ['admin', 'formateur', 'apprenant', 'super_admin'].find((r) => mayBy(w, o, r))
  return { role, person: role === 'super_admin' ? w.superAdmin : w.a.people[role] }
}

// Who may gets 422 here: nobody knows the codes of mails, the accounts' passwords are no hashes, and not every module of a course is named.
export const INVALID = ['auth_change_password', 'auth_reset', 'auth_verify_email', 'modules_order']
