select "PaymentStatusId" as payment_status_id, "Code" as payment_status_code, "IsFinal" as is_final
from {{ source('core', 'PaymentStatus') }}
