select t.integration_type, count(*) as integrations, count(*) filter (where i.is_active) as active
from {{ ref('stg_integration') }} i join {{ ref('stg_integration_type') }} t using (integration_type_id)
group by 1
