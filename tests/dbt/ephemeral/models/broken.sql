{{ config(materialized='ephemeral') }}
{% if execute %}{{ exceptions.raise_compiler_error('cannot be compiled') }}{% endif %}
select 1 as id
