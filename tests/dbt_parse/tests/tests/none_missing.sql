{{ config(severity='warn', limit=5) }}
select * from {{ ref('b') }} where id is null and exists (select 1 from {{ source('raw', 'events') }})
