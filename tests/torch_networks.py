"""The architectures once more, written in plain torch.nn: the independent half of the comparison.

Those that torchvision has carry torchvision's attribute names, so that their state dicts have its keys.  `w` divides
the width of every layer: the same network, thin enough for a test.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

# ---------------------------------------------------------------------- the three rules


RULES = ("gradient", "deconv", "guided")


def scores_and_signals(net: nn.Module, x: torch.Tensor, seed: torch.Tensor) -> dict[str, torch.Tensor]:
    """The scores, and what arrives at the image x by each rule when `seed` is sent down from them."""
    rule = "gradient"

    def on_the_way_down(module, below, above):
        """above: the signal at the module's output; below: what its derivative made of it; None leaves it so."""
        if isinstance(module, nn.LocalResponseNorm):
            return above if rule == "deconv" else None
        if rule == "deconv":
            return (above[0].clamp(min=0),)
        return (below[0].clamp(min=0),) if rule == "guided" else None

    touched = [module for module in net.modules() if isinstance(module, (nn.ReLU, nn.LocalResponseNorm))]
    hooks = [module.register_full_backward_hook(on_the_way_down) for module in touched]
    x = x.clone().requires_grad_()
    scores = net(x)
    found = {"scores": scores}
    for rule in RULES:
        (found[rule],) = torch.autograd.grad(scores, x, seed, retain_graph=True)
    for hook in hooks:
        hook.remove()
    return found


# ---------------------------------------------------------------------- torchvision's


class TwoParts(nn.Module):
    def __init__(self, features, classifier):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(*classifier)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def alexnet(w=1):
    features = [
        nn.Conv2d(3, 64 // w, kernel_size=11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(64 // w, 192 // w, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(192 // w, 384 // w, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384 // w, 256 // w, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256 // w, 256 // w, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        # AdaptiveAvgPool2d((6, 6)) stands between the two parts
    ]
    classifier = [
        nn.Dropout(),
        nn.Linear(256 // w * 6 * 6, 4096 // w),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096 // w, 4096 // w),
        nn.ReLU(),
        nn.Linear(4096 // w, 1000),
    ]
    return TwoParts([*features, nn.AdaptiveAvgPool2d((6, 6))], classifier)


VGG = {
    11: [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    13: [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    16: [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    19: [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}


def vgg(depth, batch_norm=False, w=1):
    features, channels = [], 3
    for v in VGG[depth]:
        if v == "M":
            features += [nn.MaxPool2d(kernel_size=2, stride=2)]
            continue
        norm = [nn.BatchNorm2d(v // w)] if batch_norm else []
        features += [nn.Conv2d(channels, v // w, kernel_size=3, padding=1), *norm, nn.ReLU()]
        channels = v // w
    classifier = [
        nn.Linear(512 // w * 7 * 7, 4096 // w),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096 // w, 4096 // w),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096 // w, 1000),
    ]
    return TwoParts(features, classifier)


class Fire(nn.Module):
    def __init__(self, inplanes, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inplanes, squeeze, kernel_size=1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        one, three = self.expand1x1(x), self.expand3x3(x)
        return torch.cat([self.expand1x1_activation(one), self.expand3x3_activation(three)], 1)


def squeezenet(version, w=1):
    def fire(C, s, e):
        return Fire(C // w, s // w, e // w)

    def pool():
        return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

    if version == "1_0":
        features = [nn.Conv2d(3, 96 // w, kernel_size=7, stride=2), nn.ReLU(), pool()]
        features += [fire(96, 16, 64), fire(128, 16, 64), fire(128, 32, 128), pool()]
        features += [fire(256, 32, 128), fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), pool()]
        features += [fire(512, 64, 256)]
    else:
        features = [nn.Conv2d(3, 64 // w, kernel_size=3, stride=2), nn.ReLU(), pool()]
        features += [fire(64, 16, 64), fire(128, 16, 64), pool()]
        features += [fire(128, 32, 128), fire(256, 32, 128), pool()]
        features += [fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256)]
    return SqueezeNet(features, nn.Conv2d(512 // w, 1000, kernel_size=1))


class SqueezeNet(nn.Module):
    def __init__(self, features, final_conv):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(), final_conv, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.inner_relu, self.relu = nn.ReLU(), nn.ReLU()
        self.downsample = None
        if stride != 1 or inplanes != planes:
            conv = nn.Conv2d(inplanes, planes, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(planes))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.inner_relu(self.bn1(self.conv1(x)))))
        return self.relu(out + identity)


class ResNet18(nn.Module):
    def __init__(self, w=1):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64 // w, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64 // w)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64 // w, 64 // w), BasicBlock(64 // w, 64 // w))
        self.layer2 = nn.Sequential(BasicBlock(64 // w, 128 // w, 2), BasicBlock(128 // w, 128 // w))
        self.layer3 = nn.Sequential(BasicBlock(128 // w, 256 // w, 2), BasicBlock(256 // w, 256 // w))
        self.layer4 = nn.Sequential(BasicBlock(256 // w, 512 // w, 2), BasicBlock(512 // w, 512 // w))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 // w, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


# ---------------------------------------------------------------------- those that torchvision does not have


def published_lrn():
    """κ = 2, and α = 1e-4 for the plain sum of five squares: PyTorch multiplies α to their mean."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)


def paper(w=1):
    features = [nn.Conv2d(3, 64 // w, 11, stride=4), nn.ReLU(), published_lrn()]
    features += [nn.MaxPool2d(3, stride=2, ceil_mode=True)]
    features += [nn.Conv2d(64 // w, 256 // w, 5, padding=2), nn.ReLU(), published_lrn(), nn.MaxPool2d(3, stride=2)]
    for _ in range(3):
        features += [nn.Conv2d(256 // w, 256 // w, 3, padding=1), nn.ReLU()]
    return TwoParts([*features, nn.MaxPool2d(3, stride=2)], three_fully_connected(w))


def alexnet_2012(w=1):
    features = [nn.Conv2d(3, 96 // w, 11, stride=4), nn.ReLU(), published_lrn(), nn.MaxPool2d(3, stride=2)]
    features += [nn.Conv2d(96 // w, 256 // w, 5, padding=2, groups=2), nn.ReLU(), published_lrn()]
    features += [nn.MaxPool2d(3, stride=2), *grouped_trunk(w)]
    return TwoParts(features, three_fully_connected(w))


def caffenet(w=1):
    def caffes_lrn():
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)

    features = [nn.Conv2d(3, 96 // w, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, stride=2), caffes_lrn()]
    features += [nn.Conv2d(96 // w, 256 // w, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)]
    features += [caffes_lrn(), *grouped_trunk(w)]
    return TwoParts(features, three_fully_connected(w))


def grouped_trunk(w):
    trunk = [nn.Conv2d(256 // w, 384 // w, 3, padding=1), nn.ReLU()]
    trunk += [nn.Conv2d(384 // w, 384 // w, 3, padding=1, groups=2), nn.ReLU()]
    trunk += [nn.Conv2d(384 // w, 256 // w, 3, padding=1, groups=2), nn.ReLU()]
    return [*trunk, nn.MaxPool2d(3, stride=2)]


def zfnet(w=1):
    def pool():
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    features = [nn.Conv2d(3, 96 // w, 7, stride=2, padding=1), nn.ReLU(), pool(), published_lrn()]
    features += [nn.Conv2d(96 // w, 256 // w, 5, stride=2), nn.ReLU(), pool(), published_lrn()]
    features += [nn.Conv2d(256 // w, 384 // w, 3, padding=1), nn.ReLU()]
    features += [nn.Conv2d(384 // w, 384 // w, 3, padding=1), nn.ReLU()]
    features += [nn.Conv2d(384 // w, 256 // w, 3, padding=1), nn.ReLU(), pool()]
    return TwoParts(features, three_fully_connected(w))


def three_fully_connected(w):
    first, second = nn.Linear(256 // w * 6 * 6, 4096 // w), nn.Linear(4096 // w, 4096 // w)
    return [first, nn.ReLU(), nn.Dropout(), second, nn.ReLU(), nn.Dropout(), nn.Linear(4096 // w, 1000)]


def small(channels, size, w=1):
    features = [nn.Conv2d(channels, 32 // w, 3, padding=1), nn.ReLU()]
    features += [nn.Conv2d(32 // w, 32 // w, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(32 // w, 64 // w, 3, padding=1), nn.ReLU()]
    features += [nn.Conv2d(64 // w, 64 // w, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    hidden = nn.Linear(64 // w * (size // 4) ** 2, 128 // w)
    return TwoParts(features, [hidden, nn.ReLU(), nn.Dropout(), nn.Linear(128 // w, 10)])


def shapes(w=1):
    widths = [3, *(M // w for M in (12, 24, 48, 96))]
    features = []
    for C, M in itertools.pairwise(widths):
        features += [nn.Conv2d(C, M, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return TwoParts(features, [nn.Linear(widths[-1] * 16, 112 // w), nn.ReLU(), nn.Linear(112 // w, 10)])


IN_TORCH = {
    "paper": paper,
    "alexnet_2012": alexnet_2012,
    "caffenet": caffenet,
    "alexnet": alexnet,
    "zfnet": zfnet,
    "vgg11": lambda w=1: vgg(11, w=w),
    "vgg13": lambda w=1: vgg(13, w=w),
    "vgg16": lambda w=1: vgg(16, w=w),
    "vgg19": lambda w=1: vgg(19, w=w),
    "vgg11_bn": lambda w=1: vgg(11, batch_norm=True, w=w),
    "vgg13_bn": lambda w=1: vgg(13, batch_norm=True, w=w),
    "vgg16_bn": lambda w=1: vgg(16, batch_norm=True, w=w),
    "vgg19_bn": lambda w=1: vgg(19, batch_norm=True, w=w),
    "squeezenet1_0": lambda w=1: squeezenet("1_0", w),
    "squeezenet1_1": lambda w=1: squeezenet("1_1", w),
    "resnet18": ResNet18,
    "small28": lambda w=1: small(1, 28, w),
    "small32": lambda w=1: small(3, 32, w),
    "shapes": shapes,
}
