print("process_data")
