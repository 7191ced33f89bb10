/*weir:unmask*/
-- 1 if this login reads masked columns as they are. From 2016 on.
SELECT CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'UNMASK'), 0)) AS may_unmask;
