select api_token_list()
