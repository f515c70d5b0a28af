-- Files of all schools whose time is over.
select exports_expire()
