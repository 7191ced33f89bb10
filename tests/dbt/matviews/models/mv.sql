{{ config(materialized='materialized_view', indexes=[{'columns': ['id'], 'unique': var('round') < 3}]) }} select id, count(*) as n from {{ ref('base') }} group by id
