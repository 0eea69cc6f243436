"""What runs inside the BlazingText image: training and inference, on fastText, which reads the same model.bin."""
