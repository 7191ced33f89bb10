{{ config(severity='warn', limit=1) }}
select * from {{ ref('people') }} where team_id is null or team_id = 9
