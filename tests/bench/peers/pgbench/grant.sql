-- Lets a role (-v role=NAME) ask for the copy that prepare.sql made.
grant usage on schema bench to :"role";
grant select on bench.session to :"role";
