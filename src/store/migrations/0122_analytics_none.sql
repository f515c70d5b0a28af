-- The figures of a school that was not counted yet: every one that others have, so that no reader finds one missing in a school's first minute.

create function analytics_none() returns jsonb language sql immutable as $$
    select '{"users": {"total": 0, "active": 0, "newThisMonth": 0, "byRole": {}}, "courses": {"total": 0, "active": 0, "byCategory": []},
             "enrollments": {"total": 0, "completed": 0, "thisWeek": 0}, "completionRate": 0, "activeUsers": {"last30d": 0}, "studyGroups": 0,
             "certificatesIssued": 0, "totalUsers": 0, "newUsersThisMonth": 0, "activeCourses": 0, "courseCompletionRate": 0, "totalEnrollments": 0,
             "enrollmentsThisWeek": 0}'::jsonb
$$;
