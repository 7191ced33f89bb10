{# What the server was sent, as others see it: the first line of it, or the last. #}
{% macro this_statement(last=false) -%}
  (select {% if last %}rtrim(regexp_replace(query, '^.*\n', ''), ';'){% else %}coalesce(substring(split_part(query, chr(10), 1) from '^/[*].*'), 'none'){% endif %}
   from pg_stat_activity where pid = pg_backend_pid())
{%- endmacro %}

{% macro whose(node) %}
  {%- if node is none %}{{ return('of ' ~ connection_name) }}{% endif %}
  {{- return('of ' ~ node.unique_id ~ ' ' ~ node.config.materialized ~ ' ' ~ node.nothing ~ target.name ~ ' ' ~ var('team', 'us')) }}
{%- endmacro %}
