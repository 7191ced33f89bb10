select * from (values (1, 'ann', 'f', 1), (2, 'bob', 'm', 1), (3, 'cyd', 'x', 9), (3, null, 'f', null)) v(id, name, sex, team_id)
