select session_sweep(), signin_sweep(), idempotency_sweep(), api_token_sweep()
