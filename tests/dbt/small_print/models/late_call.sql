{{ config(materialized='ephemeral') }}
{{ adapter.no_such_method() }}
select 1 as id
