{{ config(materialized='table') }}
-- depends_on: {{ ref('indexed') }} {{ ref('granted_view') }} {{ ref('contracted') }} {{ ref('child') }}
select c.relname::text || ' comment ' || obj_description(c.oid) as fact from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = '{{ schema }}' and relname <> 'facts' and obj_description(c.oid) is not null
union all select relname::text || '.' || attname || ' comment ' || col_description(attrelid, attnum) from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace where nspname = '{{ schema }}' and attnum > 0 and col_description(attrelid, attnum) is not null
union all select table_name || ' grant ' || grantee || ' ' || privilege_type from information_schema.role_table_grants where table_schema = '{{ schema }}' and grantee <> 'loader'
union all select tablename || ' index ' || regexp_replace(indexdef, 'INDEX \S+ ON \S+', '') from pg_indexes where schemaname = '{{ schema }}'
