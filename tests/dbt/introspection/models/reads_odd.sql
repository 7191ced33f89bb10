select n from {{ source('raw', 'Odd') }}
union all
select n from {{ source('plain', 'Even') }}
