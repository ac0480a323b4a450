print("tilescout")
