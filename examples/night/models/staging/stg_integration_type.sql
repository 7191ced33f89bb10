select "IntegrationTypeId" as integration_type_id, "Code" as integration_type_code, "Name" as integration_type
from {{ source('core', 'IntegrationType') }}
