"""The tables of the measures, as PostgreSQL makes them."""

# 14 columns of mixed types, like bench/tds/mixed.yml's; about 200 bytes a row as COPY BINARY.
MIXED_COLUMNS = '''
  id integer NOT NULL, account_id bigint NOT NULL, quantity smallint NOT NULL, active boolean NOT NULL,
  price numeric(18,4) NOT NULL, balance numeric(19,4), rate double precision, name text NOT NULL, city text,
  code text NOT NULL, created_at timestamp NOT NULL, due_on date, changed_at timestamp NOT NULL, row_guid uuid NOT NULL'''


def mixed_rows(rows):
    """A query of that many such rows; every tenth value of a column that may be NULL is."""
    return f'''
SELECT i, i * 7919::bigint + 5000000000, (i % 30000)::smallint, i % 3 = 0, (i * 37 % 100000000)::numeric / 10000,
       CASE WHEN i % 10 <> 1 THEN (i * 53 % 900000000)::numeric / 10000 END,
       CASE WHEN i % 10 <> 2 THEN i / 7.0::double precision END, 'customer ' || md5(i::text),
       CASE WHEN i % 10 <> 3 THEN 'Sankt Pölten ' || i % 977 END, 'C-' || lpad(i::text, 12, '0'),
       timestamp '2001-01-01 00:00:00.003' + i * interval '173 seconds', CASE WHEN i % 10 <> 4 THEN date '2010-01-01' + (i % 4000)::integer END,
       timestamp '2019-01-01 00:00:00.123456' + i * interval '31.000007 seconds', md5('row ' || i)::uuid
FROM generate_series(1::bigint, {rows}) i'''


# A table's contents as one number, whatever the order of its rows.
def contents(table):
    return f"SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t"
