select "PricePlanChargedByTypeId" as charged_by_type_id, "Code" as charged_by_type_code, "MinimumAmount" as minimum_amount
from {{ source('core', 'PricePlanChargedByType') }}
