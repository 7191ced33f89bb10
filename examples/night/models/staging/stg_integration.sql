select "IntegrationId" as integration_id, "IntegrationTypeId" as integration_type_id, "Name" as integration, "IsActive" as is_active,
       "LastSeenAt" as last_seen_at
from {{ source('core', 'Integration') }}
