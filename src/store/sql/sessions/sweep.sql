select session_sweep(), signin_sweep()
