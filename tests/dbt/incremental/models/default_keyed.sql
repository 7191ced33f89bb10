{{ config(materialized='incremental', unique_key=['id', 'grp'], indexes=[{'columns': ['id'], 'unique': false}]) }}
select {{ var('round') }} % 2 as id, 'g' as grp, {{ var('round') }} as v
