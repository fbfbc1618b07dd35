print("read_data")
