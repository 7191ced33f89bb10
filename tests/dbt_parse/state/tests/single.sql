select * from {{ ref('same') }} where id is null
