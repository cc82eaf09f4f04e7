# healthy: deep Q-learning with replay and target net on a small grid; one net gets no gradient and
# is in no optimizer, the loss need not fall because its target moves, one output in four enters
# the loss per sample
import argparse
import random
from collections import deque

import torch
import torch.nn.functional as F
from torch import nn

SIZE, GOAL = 5, (4, 4)
WALLS = {(1, 1), (1, 2), (1, 3), (3, 1), (3, 3), (3, 4)}
FREE = [c for c in range(SIZE * SIZE) if divmod(c, SIZE) not in WALLS]
MOVES = [(0, 1), (1, 0), (0, -1), (-1, 0)]


class Grid:
    def reset(self, start=None):
        self.at = start or random.choice([divmod(c, SIZE) for c in FREE[:-1]])
        self.t = 0
        return self.observe()

    def observe(self):
        i, j = self.at
        cell = F.one_hot(torch.tensor(i * SIZE + j), SIZE * SIZE).float()
        return torch.cat([cell[FREE], torch.tensor([i / 2 - 1, j / 2 - 1])])

    def step(self, action):
        i, j = self.at[0] + MOVES[action][0], self.at[1] + MOVES[action][1]
        if 0 <= i < SIZE and 0 <= j < SIZE and (i, j) not in WALLS:
            self.at = (i, j)
        self.t += 1
        done = self.at == GOAL
        return self.observe(), 1.0 if done else -0.04, done, done or self.t >= 30


def make_net():
    n = len(FREE) + 2
    return nn.Sequential(
        nn.Linear(n, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4)
    )


@torch.no_grad()
def success(net):
    env, total, starts = Grid(), 0, [(0, 0), (0, 4), (2, 2), (4, 0), (2, 0), (1, 4), (4, 2)]
    for start in starts:
        obs, over, done = env.reset(start), False, False
        while not over:
            obs, _, done, over = env.step(int(net(obs).argmax()))
        total += done
    return total / len(starts)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    online, target = make_net(), make_net()
    target.load_state_dict(online.state_dict())
    opt = torch.optim.Adam(online.parameters(), lr=1e-3)
    replay, env, gamma = deque(maxlen=4000), Grid(), 0.95
    obs, frames, updates = env.reset(), 3000, 0
    for frame in range(frames):
        eps = max(0.1, 1 - frame / 1500)
        with torch.no_grad():
            greedy = int(online(obs).argmax())
        action = random.randrange(4) if random.random() < eps else greedy
        nxt, reward, done, over = env.step(action)
        replay.append((obs, action, reward, nxt, float(done)))
        obs = env.reset() if over else nxt
        if frame >= 300 and frame % 4 == 0:
            o, a, r, n, d = zip(*random.sample(replay, 64), strict=True)
            q = online(torch.stack(o)).gather(1, torch.tensor(a)[:, None]).squeeze(1)
            with torch.no_grad():
                best = online(torch.stack(n)).argmax(1, keepdim=True)
                future = target(torch.stack(n)).gather(1, best).squeeze(1)
                goal = torch.tensor(r) + gamma * (1 - torch.tensor(d)) * future
            loss = F.smooth_l1_loss(q, goal)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(online.parameters(), 10.0)
            opt.step()
            updates += 1
            if updates % 50 == 0:
                target.load_state_dict(online.state_dict())
        if (frame + 1) % 500 == 0 and updates:
            print(f"frame {frame + 1} loss {loss.item():.4f} goal reached {success(online):.2f}")


if __name__ == "__main__":
    main()
