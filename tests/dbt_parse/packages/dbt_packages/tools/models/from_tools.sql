{{ config(schema='inner', materialized='view', meta={'depth': var('depth'), 'shared': var('shared'), 'only': var('only')}) }}
select * from {{ source('feed', 'items') }}
