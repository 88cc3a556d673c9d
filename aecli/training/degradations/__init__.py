"""What training does to clean pictures: in batches, in torch, on the device that trains.

Pictures are float32 (N, 3, H, W) in [0, 1], sRGB-encoded, as everywhere; grey ones have three equal
channels. Every draw comes from `draws.Draws`: sample k meets the same fate whatever the batch, the
rank or the resumption it is seen in.
"""
