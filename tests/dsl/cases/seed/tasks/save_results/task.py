print("save_results")
