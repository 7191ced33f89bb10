/*weir:security*/
-- Tables whose rows an enabled security policy filters. From 2016 on; shows only what this login may see of policies.
SELECT DISTINCT
  CONVERT(int, sp.target_object_id) AS object_id,
  CONVERT(nvarchar(128), p.name) AS policy_name
FROM sys.security_predicates AS sp
JOIN sys.security_policies AS p ON p.object_id = sp.object_id
WHERE p.is_enabled = 1 AND sp.predicate_type_desc = N'FILTER';
