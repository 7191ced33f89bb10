select * from {{ ref('same') }} where id = 0
