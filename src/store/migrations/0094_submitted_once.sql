-- An attempt knows by which key it was submitted: who asks again after a crash, before the answer was kept, finds it done instead of over.
alter table assessment_attempts add column if not exists submit_key text;
