// Who may, where no permission says it: a(pprenant, whose the group, the attempt, the certificate and the notification are), f(ormateur,
// whose the course, the assessment and the export are), m(anager), A(dmin), S(uper_admin).
const RULES = {
  afmAS: `auth_logout tokens_create socket_token auth_change_password auth_send_verification sign_ins_end_others courses_enroll attempts_start
    attempts_start_old groups_join notifications_prefer notifications_read_all certificates_get`,
  fmAS: `courses_update assessments_update assessments_delete assessments_submit assessments_accommodate assessments_accommodations attempts_grade exports_get exports_delete modules_create
    modules_order modules_update modules_delete enrollments_batch enrollments_complete training_create training_get training_update
    training_delete training_move`,
  mAS: `users_update themes_get schools_list_old`,
  AS: `grants_list`,
  amAS: `groups_update groups_archive groups_invite groups_role groups_remove messages_list messages_create polls_get polls_close classes_list
    classes_create classes_get classes_update classes_cancel classes_attendance classes_polls groups_rooms boards_list boards_create boards_get boards_rename
    boards_delete boards_export`,
  afmA: `analytics_user_stats`, // one's own, in a school; a super_admin has none there
  fmA: `exports_create_old`, // no school can be named there
  a: `tokens_revoke sign_ins_end attempts_save attempts_submit notifications_read notifications_delete modules_progress polls_vote`,
  f: `exports_download exports_download_old`,
  S: `roles_set`, // for the whole installation
}
const LETTERS = { apprenant: 'a', formateur: 'f', manager: 'm', admin: 'A', super_admin: 'S' }
export const ruleOf = Object.fromEntries(Object.entries(RULES).flatMap(([who, names]) => names.split(/\s+/).map((name) => [name, who])))

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
