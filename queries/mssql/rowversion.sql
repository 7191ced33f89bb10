/*weir:rowversion*/
-- No transaction that is open now will commit a rowversion below this one.
SELECT CONVERT(nvarchar(4000), MIN_ACTIVE_ROWVERSION(), 1) AS high;
